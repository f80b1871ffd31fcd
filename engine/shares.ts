/** How an agent ends whose share of the budget is used up; `budgetUsd` is a decimal string. */
export function shareSpent(budgetUsd: string): { type: string; message: string } {
  return { type: 'budget', message: `The share of the budget that it was given ($${budgetUsd}) is used up.` };
}
