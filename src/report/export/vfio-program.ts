/** The program that stands for a user of VFIO in exported scripts, and the shell functions around it. */

/**
 * Speaks the options of `lab vfio` and `lab ioctl` as import/action.ts reads them. Numbers of calls:
 * include/uapi/linux/vfio.h.
 */
const PROGRAM = `# Uses VFIO as QEMU does, and says what each call returns.
import ctypes, fcntl, mmap, os, struct, sys, time

CALLS = 0x3B64  # _IO(';', 100)
SET_IOMMU, GET_STATUS, SET_CONTAINER, UNSET_CONTAINER, GET_DEVICE_FD = range(CALLS + 2, CALLS + 7)
SET_IRQS, MAP_DMA, UNMAP_DMA = CALLS + 10, CALLS + 13, CALLS + 14
TYPE1V2, REQUEST = 3, 4
fds, kept = {}, []


def said(name, run):
    try:
        ret = run()
    except OSError as error:
        print(f"{name} = -1 errno={error.errno} ({error.strerror})", flush=True)
        return None
    print(f"{name} = {ret}", flush=True)
    return ret


def ioctl(name, of, number, arg=0):
    if of not in fds:
        return print(f"{name}: no {of} is open", flush=True)
    return said(name, lambda: fcntl.ioctl(fds[of], number, arg))


def status():
    words = bytearray(struct.pack("II", 8, 0))
    if ioctl("VFIO_GROUP_GET_STATUS", "group", GET_STATUS, words) is None:
        return False
    flags = struct.unpack("II", words)[1]
    print(f"  flags={flags:#x} viable={flags & 1} container_set={flags >> 1 & 1}", flush=True)
    return flags & 1 == 1


def set_container():
    if "container" not in fds:
        fds["container"] = os.open("/dev/vfio/vfio", os.O_RDWR)
    container = struct.pack("i", fds["container"])
    return ioctl("VFIO_GROUP_SET_CONTAINER", "group", SET_CONTAINER, bytearray(container))


def map_dma(iova, size):
    memory = mmap.mmap(-1, size)
    kept.append(memory)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    words = bytearray(struct.pack("IIQQQ", 32, 3, address, iova, size))
    return ioctl(f"VFIO_IOMMU_MAP_DMA {iova:#x}+{size:#x}", "container", MAP_DMA, words)


def unmap_dma(iova, size):
    words = bytearray(struct.pack("IIQQ", 24, 0, iova, size))
    return ioctl(f"VFIO_IOMMU_UNMAP_DMA {iova:#x}+{size:#x}", "container", UNMAP_DMA, words)


def get_device(dev):
    name = bytearray(dev.encode() + b"\\0")
    fd = ioctl("VFIO_GROUP_GET_DEVICE_FD", "group", GET_DEVICE_FD, name)
    if fd is not None:
        fds[dev] = fd
    return fd


def ask_for_request(dev):
    event = os.eventfd(0, os.EFD_NONBLOCK)
    kept.append(event)
    words = struct.pack("IIIIIi", 24, 1 << 2 | 1 << 5, REQUEST, 0, 1, event)
    return ioctl("VFIO_DEVICE_SET_IRQS", dev, SET_IRQS, bytearray(words))


def further(call, *rest):
    dev = next((one for one in rest if "=" not in one), "")
    given = dict(one.split("=") for one in rest if "=" in one)
    iova, size = int(given.get("iova", "0x100000"), 16), int(given.get("size", "0x10000"), 16)
    run = {
        "GET_STATUS": status,
        "SET_CONTAINER": set_container,
        "UNSET_CONTAINER": lambda: ioctl("VFIO_GROUP_UNSET_CONTAINER", "group", UNSET_CONTAINER),
        "SET_IOMMU": lambda: ioctl("VFIO_SET_IOMMU", "container", SET_IOMMU, TYPE1V2),
        "MAP_DMA": lambda: map_dma(iova, size),
        "UNMAP_DMA": lambda: unmap_dma(iova, size),
        "GET_DEVICE_FD": lambda: get_device(dev),
        "CLOSE_DEVICE": lambda: said("close", lambda: os.close(fds.pop(dev))),
    }
    run[call]()


def use(dev, options):
    viable = status()
    if "nocontainer" in options:
        return viable
    if set_container() is None or ioctl("VFIO_SET_IOMMU", "container", SET_IOMMU, TYPE1V2) is None:
        return False
    status()
    ranges = ["0x100000+0x10000", "0x8000000+0x10000"] if "dma" in options else []
    for one in ranges + [option[4:] for option in options if option.startswith("map=")]:
        map_dma(*(int(number, 16) for number in one.split("+")))
    if "nodevice" not in options and get_device(dev) is not None and "req" in options:
        ask_for_request(dev)
    return True


def hold(name):
    open(name + ".held", "w").close()
    while not os.path.exists(name):
        if os.path.exists(name + ".call"):
            further(*open(name + ".call").read().split("\\0"))
            os.unlink(name + ".call")
        time.sleep(0.1)
    os.unlink(name)
    os.unlink(name + ".held")


def vfio(group, dev="", *options):
    link = f"/sys/bus/pci/devices/{dev}/iommu_group"
    here = os.path.basename(os.readlink(link)) if os.path.islink(link) else group
    if here != group:
        print(f"{dev} is in group {here} here, not {group}", flush=True)
    fd = said(f"open /dev/vfio/{here}", lambda: os.open(f"/dev/vfio/{here}", os.O_RDWR))
    if fd is None:
        return 2
    fds["group"] = fd
    done = use(dev, options)
    names = [option[5:] for option in options if option.startswith("hold=")]
    if done and names:
        hold(names[0])
    return 0 if done else 3


def ask(name, *words):
    with open(name + ".new", "w") as file:
        file.write("\\0".join(words))
    os.rename(name + ".new", name + ".call")
    while os.path.exists(name + ".call") and os.path.exists(name + ".held"):
        time.sleep(0.1)
    return 0


sys.exit(vfio(*sys.argv[2:]) if sys.argv[1] == "vfio" else ask(*sys.argv[2:]))
`;

/** Shell lines that define `lab`, and `held` and `gone`, which wait for a user to hold and to leave. */
export const VFIO_FUNCTIONS: readonly string[] = [
  '# A user of VFIO: `lab vfio GROUP DEVICE` opens the group and takes the device as QEMU does, and',
  '# says what each call returns. nocontainer and nodevice leave parts out, dma and map=IOVA+SIZE map',
  '# memory, hold=NAME keeps all open until `touch NAME`; `lab ioctl NAME CALL` makes a further call.',
  '# Needs python3; any program that makes these calls does as well.',
  'dir=$(mktemp -d) && cd "$dir" || exit 1',
  'lab() { python3 "$dir/lab.py" "$@"; }',
  'held() { for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$1.held" ] && return; sleep 1; done; }',
  'gone() { for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$1.held" ] || return; sleep 1; done; }',
  "cat > lab.py <<'PROGRAM'",
  ...PROGRAM.trimEnd().split('\n'),
  'PROGRAM',
];
