/**
 * The order in which built-in drivers register: initcall level first, link order within a level.
 *
 * `bus:driver`, with four marks among them: where the devicetree is populated, where ACPI is
 * scanned, where x86 brings up its IOMMUs (pci_iommu_init), and where deferred probing is switched
 * on (late_initcall). Measured, not derived: the
 * registrations that kernels 6.1 and 6.12 for arm64 and x86 reported at boot, woven into one list; of the
 * LS1028A's network functions, the order in which they came in logs of it.
 * A kernel has the drivers that it has; their order is this list's.
 */
export const DEVICETREE_MARK = '@devicetree';
export const ACPI_MARK = '@acpi';
export const IOMMU_MARK = '@iommu';
export const LATE_MARK = '@late_initcall';

const ORDER = `
platform:ARM-CCI|platform:pinctrl-rzg2l|platform:pinctrl-rzv2m|gpio:gpio_stub_drv
platform:hi3516cv300-crg|platform:hi3519-clk|platform:hi3559av100-clock|platform:hi3660-clk
platform:hi3670-clk|platform:hi3798cv200-crg|platform:gcc-msm8916|platform:gcc-msm8996
platform:gcc-msm8998|platform:clk-rpmh|platform:gcc-sc7180|platform:gcc-sc8180x
platform:gcc-sdm845|platform:exynos5433-cmu|platform:exynos7885-cmu|platform:exynos850-cmu
platform:exynosautov9-cmu|platform:exynosautov920-cmu|platform:gs101-cmu|platform:cmd-db
platform:rpmh|platform:qcom-rpmhpd|platform:exynos-pd|platform:reg-dummy
platform:psci-cpuidle-domain|platform:hi3660-mbox|platform:hi6220-mbox|platform:qnoc-x1e80100
platform:renesas_irqc|platform:fsl_mc_bus|fsl-mc:fsl_mc_dprc|fsl-mc:fsl_mc_allocator
platform:rockchip-pinctrl|platform:sh-pfc|platform:samsung-pinctrl|platform:davinci_gpio
platform:exynos-pmu|platform:rockchip-pm-domain|platform:reset-hi6220|platform:sram
platform:syscon|i2c:dummy|platform:byt_gpio|platform:cherryview-pinctrl|platform:broxton-pinctrl
platform:cedarfork-pinctrl|platform:denverton-pinctrl|platform:geminilake-pinctrl
platform:sunrisepoint-pinctrl|platform:imx8mm-pinctrl|platform:imx8mn-pinctrl
platform:imx8mp-pinctrl|platform:imx8mq-pinctrl|platform:mediatek-mt2712-pinctrl
platform:mt6765-pinctrl|platform:mt6779-pinctrl|platform:mt6795-pinctrl|platform:mt6797-pinctrl
platform:mt7622-pinctrl|platform:mt7981-pinctrl|platform:mt7986a-pinctrl
platform:mt7986b-pinctrl|platform:mediatek-mt8167-pinctrl|platform:mediatek-mt8173-pinctrl
platform:mt8183-pinctrl|platform:mt8186-pinctrl|platform:mt8188-pinctrl|platform:mt8192-pinctrl
platform:mt8195-pinctrl|platform:mediatek-mt8365-pinctrl|platform:mediatek-mt8516-pinctrl
platform:msm8916-pinctrl|platform:msm8996-pinctrl|platform:msm8998-pinctrl
platform:sc7180-pinctrl|platform:sc7280-pinctrl|platform:sc8180x-pinctrl|platform:sc8280xp-tlmm
platform:sdm845-pinctrl|platform:tegra124-pinctrl|platform:tegra210-pinctrl
platform:gpio-mpc8xxx|platform:clk-mt6765|platform:clk-mt6797|platform:hi3660-reset
platform:reset_zynqmp|serial-base:ctrl|serial-base:port|platform:sbsa-uart|amba:uart-pl011
platform:mvebu-uart-clock|platform:mvebu-uart|platform:xuartps|platform:sdei|platform:tegra-mc
@devicetree|platform:gpio-mxc|i2c:pca953x|platform:xgene-msi|@acpi|platform:clk-lpss-atom
acpi:ec|acpi:hardware_error_device|platform:i2c_designware|platform:hi6220-stub-clk
platform:hi3660-stub-clk|platform:gcc-x1e80100|platform:gcc-sc7280|platform:gcc-sc8280xp
platform:rzg2l-cpg|platform:rzv2h-cpg|platform:renesas-cpg-mssr|platform:k3-chipinfo
cxl:cxl_region|cxl:cxl_port|platform:qcom_scm|platform:qcom_qseecom|platform:sh_cmt
platform:sh_tmu|platform:zynqmp-ipi|pnp:system|@iommu|pci:iosf_mbi_pci|platform:alarmtimer
virtio:virtiofs|platform:gic|platform:Hisilicon MBIGEN-V2|platform:rzg2l_irqc
platform:brcmstb_l2|platform:mvebu-gicp|platform:mvebu-icu-subset|platform:mvebu-icu
platform:mvebu-pic|platform:mvebu-sei|platform:ls-scfg-msi|platform:qcom-irq-combiner
platform:exiu|platform:meson_gpio_intc|platform:qcom_pdc|platform:imx-irqsteer
platform:imx-intmux|platform:ti-sci-intr|platform:ti-sci-inta|platform:sl28cpld-intc
platform:hisi-lpc|platform:qcom-ebi2|platform:sun50i-de2-bus|platform:sunxi-rsb
platform:simple-pm-bus|platform:tegra-aconnect|platform:ti-sysc|platform:vexpress-syscfg
platform:phy-meson-gxl-usb2|platform:phy-meson-g12a-usb2|platform:phy-g12a-usb3-pcie
platform:phy-meson-g12a-mipi-dphy-analog|platform:phy-axg-pcie|platform:phy-axg-mipi-pcie-analog
platform:phy-meson-axg-mipi-dphy|platform:amd_gpio|platform:cannonlake-pinctrl
platform:icelake-pinctrl|platform:lewisburg-pinctrl|platform:tigerlake-pinctrl
platform:crystal_cove_pwm|platform:max77620-pinctrl|platform:rk805-pinctrl
platform:pinctrl-single|platform:zynqmp-pinctrl|platform:pinctrl-bcm2835
platform:mediatek-mt6397-pinctrl|platform:meson-gxbb-pinctrl|platform:meson-gxl-pinctrl
platform:meson-axg-pinctrl|platform:meson-g12a-pinctrl|platform:meson-a1-pinctrl
platform:meson-s4-pinctrl|platform:amlogic-c3-pinctrl|platform:amlogic-t7-pinctrl
platform:armada-ap806-pinctrl|platform:armada-cp110-pinctrl|platform:armada-37xx-pinctrl
platform:ac5-pinctrl|platform:qcom-spmi-gpio|platform:qcom-spmi-mpp|platform:qcom-ssbi-gpio
platform:qcom-ssbi-mpp|platform:sun50i-a64-pinctrl|platform:sun50i-a64-r-pinctrl
platform:sun50i-a100-pinctrl|platform:sun50i-a100-r-pinctrl|platform:sun8i-h3-r-pinctrl
platform:sun50i-h5-pinctrl|platform:sun50i-h6-pinctrl|platform:sun50i-h6-r-pinctrl
platform:sun50i-h616-pinctrl|platform:sun50i-h616-r-pinctrl|platform:basic-mmio-gpio
platform:max77620-gpio|platform:mvebu-gpio|amba:pl061_gpio|platform:raspberrypi-exp-gpio
platform:tegra-gpio|platform:xgene-gpio|platform:xlp-gpio|platform:modepin-gpio|pci_express:aer
pci_express:pcie_pme|pci_express:dpc|pci_express:pciehp|pci:pcieport|pci:shpchp
platform:vesa-framebuffer|platform:j721e-pcie|platform:advk-pcie|platform:tegra-pcie
platform:pci-host-generic|platform:pci_thunder_ecam|platform:pci_thunder_pem|platform:nwl-pcie
platform:xgene-pcie|platform:rockchip-pcie|platform:mtk-pcie-gen3|platform:brcm-pcie
platform:imx6q-pcie|platform:layerscape-pcie|platform:qcom-pcie|platform:armada8k-pcie
platform:rockchip-dw-pcie|platform:kirin-pcie|platform:hisi-pcie-almost-ecam
platform:layerscape-pcie-gen4|platform:efi-framebuffer|platform:simple-framebuffer
platform:acpi-ged|cpu:processor|acpi:thermal|platform:byt_crystal_cove_pmic
platform:cht_crystal_cove_pmic|platform:axp288_pmic_acpi|platform:bxt_whiskey_cove_pmic
platform:cht_whiskey_cove_pmic|platform:cht_dollar_cove_ti_pmic|platform:acpi-fan
platform:tegra-ahb|platform:of_fixed_factor_clk|platform:of_fixed_clk|platform:gpio-clk
platform:clk-fch|platform:clk-pmc-atom|pci:xen-platform-pci|platform:virtio-mmio
platform:fsl-sai-clk|platform:plldig-clock|platform:rk808-clkout|scmi_protocol:scmi-clocks
i2c:si5341|platform:brcm2711-dvp|platform:bcm2835-clk|platform:bcm2835-aux-clk
platform:raspberrypi-clk|platform:imx8mm-ccm|platform:imx8mn-ccm|platform:imx8mp-ccm
platform:imx8mp-audio-blk-ctrl|platform:imx8mq-ccm|platform:ti-sci-clk
platform:ti-syscon-gate-clk|platform:clk-mt7981-apmixed|platform:clk-mt7981-topckgen
platform:clk-mt7981-infracfg|platform:clk-mt7988-apmixed|platform:clk-mt7988-topckgen
platform:clk-mt7988-infracfg|platform:clk-mt7988-eth|platform:clk-mt7988-xfipll
platform:clk-mt8173-apmixed|platform:clk-mt8173-infracfg|platform:clk-mt8173-pericfg
platform:clk-mt8173-topckgen|platform:clk-mt8195-apmixed|platform:clk-mt8195-topck
platform:clk-mt8195-peri_ao|platform:clk-mt8195-infra_ao|platform:axg-clkc|platform:axg-aoclkc
platform:c3-pll-clkc|platform:c3-peripherals-clkc|platform:gxbb-clkc|platform:gxbb-aoclkc
platform:g12a-clkc|platform:g12a-aoclkc|platform:s4-pll-clkc|platform:s4-periphs-clkc
platform:marvell-armada-3700-xtal-clock|platform:marvell-armada-3700-tbg-clock
platform:marvell-armada-3700-periph-clock|platform:marvell-ap806-system-controller
platform:marvell-ap806-clock|platform:marvell-cp110-system-controller0
platform:marvell-cp110-clock|platform:mmcc-msm8996|platform:qcom-hfpll|platform:clk-rk3399
platform:clk-rk3568|platform:clk-rk3576|platform:exynos-audss-clk|platform:sun50i-a64-ccu
platform:sun50i-a100-ccu|platform:sun50i-a100-r-ccu|platform:sun50i-h6-ccu
platform:sun50i-h6-r-ccu|platform:sun50i-h616-ccu|platform:sun8i-h3-ccu|platform:sunxi-de2-clks
platform:sun8i-r-ccu|platform:tegra-clock|platform:tegra124-dfll|platform:vexpress-osc
platform:zynqmp_clock|platform:bcm2835-dma|platform:mv_xor|platform:mv_xor_v2
platform:tegra-apbdma|platform:tegra-adma|platform:ti-udma|platform:rcpm|platform:imx93_src
platform:mt-pmic-pwrap|platform:meson_msr|platform:qcom_aoss_qmp|platform:geni_se_qup
platform:rzv2m_pwc|platform:exynos-chipid|platform:sunxi-sram|platform:tegra-fuse
platform:tegra-flowctrl|platform:tegra-pmc|platform:k3-ringacc|platform:zynqmp_power
platform:xlnx_event_manager|platform:meson_ee_pwrc|platform:meson_secure_pwrc
scmi_protocol:scmi-perf-domain|scmi_protocol:scmi-power-domain|platform:bcm2835-power
platform:raspberrypi-power|platform:imx-pgc|platform:imx-gpcv2|platform:imx8m-blk-ctrl
platform:imx8mp-blk-ctrl|platform:imx93_power_domain|platform:imx93-blk-ctrl|platform:mtk-scpsys
platform:mtk-power-controller|platform:ti_sci_pm_domains|platform:zynqmp_power_controller
pci:virtio-pci|platform:mt6358-regulator|platform:sun20i-regulator|platform:brcmstb-reset
platform:brcm-rescal-reset|auxiliary:reset_imx8mp_audiomix|platform:meson_reset
platform:qcom_aoss_reset|scmi_protocol:scmi-reset|platform:simple-reset|platform:ti-sci-reset
pnp:serial|platform:serial8250|platform:bcm2835-aux-uart|platform:dw-apb-uart|pci:8250_mid
platform:fsl-16550-uart|platform:mt6577-uart|platform:of_serial|platform:omap8250|pci:serial
pci:8250_pericom|acpi:hpet|pci:agpgart-amd64|pci:agpgart-intel|pci:agpgart-sis|pci:agpgart-via
platform:tpm_tis|pnp:tpm_tis|acpi:tpm_crb|i2c:crystal_cove_i2c|i2c:CHT Whiskey Cove PMIC
platform:tegra-uart|amba:uart-pl010|platform:fsl-lpuart|platform:imx-uart|platform:meson_uart
platform:msm_serial|platform:qcom_geni_serial|platform:sh-sci|platform:serial-tegra
virtio:virtio_console|virtio:virtio_rproc_serial|platform:exynos-trng|platform:histb-rng
platform:qcom-iommu-ctx|platform:qcom-iommu|platform:arm-smmu|platform:qcom_tbu
platform:arm-smmu-v3|virtio:virtio_blk|pci:nvme|virtio:virtio_net|pci:mscc_felix
pci:fsl_enetc|pci:fsl_enetc_mdio|pci:fsl_enetc_ptp|pci:e1000|pci:e1000e
platform:rk_iommu|platform:sun50i-iommu|platform:bcm2835-pm|i2c:max77620|platform:mt6397
i2c:rk8xx-i2c|spi:rk8xx-spi|platform:vexpress-sysreg|i2c:simple-mfd-i2c|spi:spidev|pnp:i8042 kbd
pnp:i8042 aux|platform:i8042|platform:spmi_pmic_arb|platform:spmi-mtk|serio:atkbd|pnp:rtc_cmos
scmi_protocol:scmi-imx-bbm-key|serio:psmouse|i2c:rtc-ds1307|platform:rtc-efi
scmi_protocol:scmi-imx-bbm-rtc|platform:max77686-rtc|i2c:rtc-pcf85063|i2c:rtc-pcf8563
amba:rtc-pl031|platform:rk808-rtc|platform:sun6i-rtc|platform:tegra_rtc|platform:xgene-rtc
platform:brcmstb-i2c|platform:hisi-reboot|platform:msm-restart|platform:vexpress-reset
platform:xgene-reboot|platform:syscon-reboot|platform:syscon-poweroff|platform:tegra_soctherm
platform:amlogic_thermal|platform:gti-wdt|platform:ti_opp_supply|platform:ti-cpufreq
platform:psci-cpuidle|platform:pwrseq_simple|platform:pwrseq_emmc|mmc:mmcblk
platform:raspberrypi-firmware|platform:ti-sci|platform:scmi_smc_transport
platform:scmi_mailbox_transport|platform:arm-scmi|platform:meson-sm|platform:coreboot_table
coreboot:framebuffer|acpi:vmgenid|scmi_protocol:scmi-imx-misc-ctrl
auxiliary:qcom_qseecom_uefisecapp|platform:zynqmp_firmware|platform:omap_timer
platform:omap-mailbox|platform:rockchip-mailbox|platform:bcm2835-mbox|platform:ti-msgmgr
platform:sun6i-msgbox|platform:rproc-virtio|platform:vmgenid|platform:ARM-CCI PMU
platform:armv8-pmu|platform:hisi_l3c_pmu|platform:hisi_hha_pmu|platform:hisi_ddrc_pmu
platform:hisi_sllc_pmu|platform:hisi_pa_pmu|platform:hisi_cpa_pmu|platform:hisi_uc_pmu
platform:qcom-l2cache-pmu|platform:qcom-l3cache-pmu|platform:xgene-pmu|nvmem-layout:fixed-layout
platform:bcm_voter|platform:qnoc-sc7280|platform:qnoc-sdm845|platform:qnoc-sm8250|@late_initcall
platform:gpio-keys|amba:amba-proxy
`;

/** `bus:driver` and marks, first to last. */
export const LINK_ORDER: readonly string[] = ORDER.trim().split(/[|\n]/);
