import { describe, expect, test } from 'vitest';
import { afterQuietHours } from '../../times/quiet-hours.js';

const NIGHT = { from: '22:00', to: '07:00' };
const after = (at: string, hours: { from: string; to: string } | undefined, zone = 'Europe/Berlin'): string =>
  new Date(afterQuietHours(Date.parse(at), hours, zone)).toISOString();

describe('quiet hours', () => {
  test.each([
    ['in the evening, before they begin', '2026-11-23T20:59:59Z', '2026-11-23T20:59:59.000Z'],
    ['as they begin', '2026-11-23T21:00:00Z', '2026-11-24T06:00:00.000Z'],
    ['after midnight', '2026-11-24T02:00:00Z', '2026-11-24T06:00:00.000Z'],
    ['as they end', '2026-11-24T06:00:00Z', '2026-11-24T06:00:00.000Z'],
    ['at noon', '2026-11-24T11:00:00Z', '2026-11-24T11:00:00.000Z'],
    ['in the night the clocks go forward', '2026-03-28T23:00:00Z', '2026-03-29T05:00:00.000Z'],
    ['in the night the clocks go back', '2026-10-24T23:00:00Z', '2026-10-25T06:00:00.000Z'],
  ])('%s', (_when, at, expected) => expect(after(at, NIGHT)).toBe(expected));

  test('within one day', () => {
    expect(after('2026-11-23T12:30:00Z', { from: '13:00', to: '15:00' })).toBe('2026-11-23T14:00:00.000Z');
    expect(after('2026-11-23T14:00:00Z', { from: '13:00', to: '15:00' })).toBe('2026-11-23T14:00:00.000Z');
    expect(after('2026-11-23T11:59:00Z', { from: '13:00', to: '15:00' })).toBe('2026-11-23T11:59:00.000Z');
  });

  test('none, or as long as nothing, hold nothing back', () => {
    expect(after('2026-11-24T02:00:00Z', undefined)).toBe('2026-11-24T02:00:00.000Z');
    expect(after('2026-11-24T02:00:00Z', { from: '03:00', to: '03:00' })).toBe('2026-11-24T02:00:00.000Z');
  });

  test('an end that the clocks skip comes with the gap', () => {
    expect(after('2026-03-29T00:30:00Z', { from: '00:00', to: '02:30' })).toBe('2026-03-29T01:30:00.000Z');
  });

  test('never goes back in time, and ends outside of them, in every zone and hour of a year', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia']) {
      for (let hour = 0; hour < 24 * 365; hour += 1) {
        const at = Date.UTC(2026, 0, 1, hour);
        const told = afterQuietHours(at, NIGHT, zone);
        expect(told).toBeGreaterThanOrEqual(at);
        expect(afterQuietHours(told, NIGHT, zone)).toBe(told);
      }
    }
  });
});
