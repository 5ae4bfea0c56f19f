import { expect, it } from 'vitest';
import { errnoFromName, errnoFromText, errnoName, errnoText } from '../../src/events/errno.ts';
import * as model from '../../src/model/errno.ts';

it('names numbers of either sign', () => {
  expect(errnoName(-517)).toBe('-EPROBE_DEFER');
  expect(errnoName(16)).toBe('EBUSY');
  expect(errnoName(0)).toBe('0');
  expect(errnoName(-4000)).toBe('-4000');
});

it('reads names of either sign', () => {
  expect(errnoFromName('-EPROBE_DEFER')).toBe(-517);
  expect(errnoFromName('EWOULDBLOCK')).toBe(11);
  expect(errnoFromName('EFOO')).toBeNull();
  expect(errnoFromName('constructor')).toBeNull();
});

it('speaks like strerror', () => {
  expect(errnoText(16)).toBe('Device or resource busy');
  expect(errnoText(-16)).toBe('Device or resource busy');
  expect(errnoText(4000)).toBe('Unknown error 4000');
  expect(errnoFromText(' device or resource busy\n')).toBe(16);
  expect(errnoFromText('Unknown error 517')).toBe(517);
  expect(errnoFromText('on fire')).toBeNull();
});

it('takes every number back from its name and from its text', () => {
  for (let errno = 1; errno <= 600; errno++) {
    const name = errnoName(errno);
    if (name !== String(errno)) expect(errnoFromName(name)).toBe(errno);
    expect(errnoFromText(errnoText(errno))).toBe(errno);
  }
});

it('agrees with the numbers that the model returns', () => {
  for (const [name, errno] of Object.entries(model)) expect(errnoFromName(name)).toBe(errno);
});
