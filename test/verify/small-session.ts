// A recording of a small machine with what every kind of file looks like: a network card behind a root
// port is taken from its driver, and what took it does not match it.
const DMESG = `[    0.000000] Linux version 6.1.20-small (root@localhost) (gcc 12) #1 SMP
[    0.000000] Kernel command line: console=ttyAMA0
[    0.300000] pci 0000:00:01.0: [1b36:000c] type 01 class 0x060400
[    0.300500] pci 0000:01:00.0: [8086:10d3] type 00 class 0x020000
[    1.000000] Freeing unused kernel memory: 448K
[    5.000000] reprobe-action: 1: echo 0000:01:00.0 > /sys/bus/pci/drivers/e1000e/unbind
[    6.000000] reprobe-action: 2: echo 0000:01:00.0 > /sys/bus/pci/drivers/pcieport/bind
[    7.000000] reprobe-action: 3: ls \\ /nowhere
`;

const ACTIONS = `# session small kernel 6.1.20-small #1 SMP
3.00 INIT started
3.10 SNAPSHOT sysfs-0.txt
5.00 ACTION 1: echo 0000:01:00.0 > /sys/bus/pci/drivers/e1000e/unbind
    -> rc=0 (done at 5.01)
5.50 SNAPSHOT sysfs-1.txt
6.00 ACTION 2: echo 0000:01:00.0 > /sys/bus/pci/drivers/pcieport/bind
    stderr: sh: write error: No such device
    -> rc=1 (done at 6.01)
6.50 SNAPSHOT sysfs-2.txt
7.00 ACTION 3: ls \\ /nowhere
    stdout: a	b
    stderr: ls: /nowhere: No such file or directory
    -> rc=2 (done at 7.01)
7.50 SNAPSHOT sysfs-3.txt
7.60 SNAPSHOT sysfs-end.txt
`;

const snapshot = (uptime: string, driver: string): string => `# uptime ${uptime} 0.00
[devices]
platform driver=- iommu_group=-
platform/40000000.pcie bus=platform driver=pci-host-generic iommu_group=-
platform/40000000.pcie/pci0000:00 driver=- iommu_group=-
platform/40000000.pcie/pci0000:00/0000:00:01.0 bus=pci driver=pcieport iommu_group=0 rpm=active id=0x1b36:0x000c
platform/40000000.pcie/pci0000:00/0000:00:01.0/0000:01:00.0 bus=pci driver=${driver} iommu_group=1 driver_override=e1000e rpm=active id=0x8086:0x10d3
platform/50000000.smmuv3 bus=platform driver=arm-smmu-v3 iommu_group=-
platform/keys bus=platform driver=- iommu_group=- waiting_for_supplier=1
[iommu_groups]
group 0 type=DMA devices=0000:00:01.0 reserved_regions="0x0000000008000000 0x00000000080fffff msi"
group 1 type=DMA devices=0000:01:00.0 reserved_regions="0x0000000008000000 0x00000000080fffff msi"
[class_iommu]
smmu3.0x0000000050000000 devices=0000:00:01.0,0000:01:00.0
[devices_deferred]
keys	platform: wait for supplier gpio
[devlink]
platform:gpio--platform:keys status="dormant" auto_remove_on="never" runtime_pm="0" sync_state_only="1"
[modules]
vfio 36864 1 vfio_pci, Live 0xffff800000480000
[drivers]
pci: e1000e pcieport
platform: arm-smmu-v3 pci-host-generic
[/dev/vfio]
vfio
`;

const KPROBES = `# tracer: nop
              sh-201     [000] .....     5.000000: tracing_mark_write: reprobe-action: 1: echo 0000:01:00.0 > /sys/bus/pci/drivers/e1000e/unbind
              sh-201     [000] d....     5.001000: unuse_default_domain: (iommu_device_unuse_default_domain+0x0/0x80) dev="0000:01:00.0" grp="1" owner_cnt=1 owner=0x0
`;

const DRIVERS = `pci e1000e module=e1000e bind=1
pci pcieport module= bind=1
platform arm-smmu-v3 module= bind=0
platform pci-host-generic module= bind=1
`;

const MODALIAS = `0000:00:01.0 pci:v00001B36d0000000Csv00001B36sd00000000bc06sc04i00
0000:01:00.0 pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00
40000000.pcie of:NpcieTpciCpci-host-ecam-generic
50000000.smmuv3 of:NsmmuT(null)Carm,smmu-v3
keys of:NkeysT(null)Cgpio-keys
`;

const CONFIG = `CONFIG_MODULES=y
CONFIG_ARM_SMMU_V3=y
CONFIG_IOMMU_DEFAULT_DMA_STRICT=y
`;

const texts: Readonly<Record<string, string>> = {
  'dmesg.txt': DMESG,
  'actions.txt': ACTIONS,
  'kprobe.txt': KPROBES,
  'proc-cmdline.txt': 'console=ttyAMA0\n',
  'machine-drivers.txt': DRIVERS,
  'machine-modalias.txt': MODALIAS,
  'machine-config': CONFIG,
  'machine-pci-config.txt': pciConfig(),
  'sysfs-0.txt': snapshot('3.10', 'e1000e'),
  'sysfs-1.txt': snapshot('5.50', '-'),
  'sysfs-2.txt': snapshot('6.50', '-'),
  'sysfs-3.txt': snapshot('7.50', '-'),
  'sysfs-end.txt': snapshot('7.60', '-'),
};

/** The files of the recording, as in its folder. */
export const SMALL_SESSION: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  Object.entries(texts).map(([file, text]) => [file, new TextEncoder().encode(text)]),
);

/** A root port with the bus 01 behind it, and the card on it; a PCI Express capability each. */
function pciConfig(): string {
  const words = (start: readonly string[], express: string): string => {
    const all = [...start, ...Array(64).fill('00000000')].slice(0, 64);
    all[13] = '00000040';
    all[16] = express;
    return `${all.join('\n')}\n`;
  };
  const none = '00000000';
  const port = ['000c1b36', '00100007', '06040000', '00010000', none, none, '00010100'];
  const card = ['10d38086', '00100007', '02000000', none, none, none, none];
  return `# 0000:00:01.0\n${words(port, '00420010')}# 0000:01:00.0\n${words(card, '00020010')}`;
}
