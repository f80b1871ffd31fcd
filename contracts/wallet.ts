import { z } from 'zod';
import { MoneySchema } from './request.js';
import { CleanTextSchema, IdSchema } from './text.js';

export const WalletSchema = z
  .object({
    /** Credit that is left, reservations not yet taken off; `0` while the wallet is unlimited. */
    balanceUsd: z.string(),
    /** Upper bounds of what runs at this moment. */
    reservedUsd: z.string(),
    spentUsd: z.object({ today: z.string(), month: z.string(), total: z.string() }),
    /** True until credit is given for the first time. */
    unlimited: z.boolean(),
  })
  .meta({ id: 'Wallet' });
export type Wallet = z.infer<typeof WalletSchema>;

/** Credit for a user's wallet, the caller's own unless another is named; it limits the wallet from then on. */
export const NewCreditSchema = z
  .strictObject({ usd: MoneySchema, user: IdSchema.optional(), note: CleanTextSchema.max(500).optional() })
  .meta({ id: 'NewCredit' });
export type NewCredit = z.infer<typeof NewCreditSchema>;

/** What a budget approval asks for. When it is edited, only `extraUsd` may be another. */
export const BudgetPayloadSchema = z.strictObject({
  /** Which limit was reached: the budget of the request, or the credit of the wallet. */
  scope: z.enum(['request', 'wallet']),
  /** The least that the next step needs. */
  neededUsd: MoneySchema,
  spentUsd: MoneySchema,
  budgetUsd: MoneySchema,
  /** What the budget is raised by, or about how much credit is missing. */
  extraUsd: MoneySchema.refine((text) => Number(text) > 0, { error: 'must be more than 0' }),
});
export type BudgetPayload = z.infer<typeof BudgetPayloadSchema>;
