/** The steps of a program that uses VFIO, from places. */
import { type DmaRange, type Stimulus, VFIO_CALLS } from '../events/stimulus.ts';
import {
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  itemsOf,
  nameOf,
  nameOrNull,
  oneOf,
} from './decode.ts';
import type { Place } from './yaml-source.ts';

type Step<W extends Stimulus['do']> = Extract<Stimulus, { do: W }>;

export function readVfio(fields: Fields): Step<'vfio'> {
  const [req, iommufd] = [fields.get('req'), fields.get('iommufd')];
  const maps = fields.get('maps');
  return {
    do: 'vfio',
    group: nameOf(fields.need('group')),
    dev: nameOf(fields.need('dev')),
    dma: flagAt(fields.get('dma'), false),
    nocontainer: flagAt(fields.get('nocontainer'), false),
    nodevice: flagAt(fields.get('nodevice'), false),
    hold: nameOrNull(fields.get('hold')),
    ...(req === undefined ? {} : { req: flagAt(req, false) }),
    ...(iommufd === undefined ? {} : { iommufd: nameOf(iommufd) }),
    ...(maps === undefined ? {} : { maps: itemsOf(maps).map(readMap) }),
  };
}

function readMap(place: Place): DmaRange {
  const fields = fieldsOf(place, ['iova', 'size']);
  return { iova: integerOf(fields.need('iova')), size: integerOf(fields.need('size')) };
}

export function readVfioCall(fields: Fields): Step<'vfio_ioctl'> {
  const [iova, size] = [fields.get('iova'), fields.get('size')];
  return {
    do: 'vfio_ioctl',
    hold: nameOf(fields.need('hold')),
    call: oneOf(fields.need('call'), VFIO_CALLS),
    dev: nameOrNull(fields.get('dev')),
    ...(iova === undefined ? {} : { iova: integerOf(iova) }),
    ...(size === undefined ? {} : { size: integerOf(size) }),
  };
}
