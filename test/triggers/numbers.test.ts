import { expect, test } from 'vitest';
import { firstNumber } from '../../engine/triggers/numbers.js';

test.each([
  ['now only 44,90 €', 44.9, '44,90'],
  ['1,299.00 USD', 1_299, '1,299.00'],
  ['1.299,00 €', 1_299, '1.299,00'],
  ['1 299 €', 1_299, '1 299'],
  ['CHF 1’299.50', 1_299.5, '1’299.50'],
  ['1.299', 1_299, '1.299'],
  ['1.234.567', 1_234_567, '1.234.567'],
  ['0.999', 0.999, '0.999'],
  ['3.14159', 3.14159, '3.14159'],
  ['at -5.5 °C', -5.5, '-5.5'],
  ['−12', -12, '−12'],
  ['It costs 12.', 12, '12'],
  ['model X200 for 80', 80, '80'],
  ['from 10-20', 10, '10'],
])('%s', (text, value, written) => {
  expect(firstNumber(text)).toEqual({ value, written });
});

test('a number that may be read in two ways is read as the one nearer to what is expected', () => {
  expect(firstNumber('1.799 per litre', 1.7)?.value).toBe(1.799);
  expect(firstNumber('1.799 per month', 1_500)?.value).toBe(1_799);
  expect(firstNumber('1,050', -3)?.value).toBe(1.05);
});

test('where there is none there is none', () => {
  expect(firstNumber('on request')).toBeUndefined();
  expect(firstNumber('')).toBeUndefined();
});
