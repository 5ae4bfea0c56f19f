/**
 * Compatible strings of devices whose drivers make devices of the nodes below in their probe.
 *
 * Kernel: the callers of of_platform_populate, of_platform_default_populate and
 * devm_of_platform_populate, v6.1.
 */
export const POPULATING: readonly RegExp[] = [
  // drivers/usb/dwc3: the glue of a vendor around the controller.
  /^qcom,([\w-]+-)?dwc3$/,
  /^(xlnx,(zynqmp|versal)|rockchip,rk3399|ti,(am654|keystone|dwc3)|fsl,imx8mp)-dwc3$/,
  /^amlogic,meson-[\w-]+-usb-ctrl$/,
  // drivers/usb/mtu3, drivers/usb/cdns3.
  /^mediatek,(mt\w+-)?mtu3$/,
  /^(fsl,imx8qm-usb3|ti,(j721e|am64)-usb)$/,
  // drivers/gpu: display and host engines.
  /^qcom,([\w-]+-)?mdss$/,
  /^allwinner,sun[\w-]+-de[23]$/,
  /^nvidia,tegra\d+-host1x$/,
  // drivers/bus and drivers/soc.
  /^(simple-pm-bus|ti,sysc|nvidia,tegra210-aconnect|allwinner,sun50i-(a64|h6)-de[23])$/,
  /^(qcom,geni-se-qup|renesas,bsc|fsl,imx8q(m|xp)-pixel-link-msi-bus)$/,
  // drivers/crypto/caam/ctrl.c: the job rings.
  /^fsl,sec-v[45]\.0$/,
];
