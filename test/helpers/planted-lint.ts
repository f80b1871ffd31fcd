import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from './source-files.js';

interface LintReport {
  readonly diagnostics: readonly {
    readonly code: string;
    readonly filename: string;
    readonly labels: readonly { readonly span: { readonly line: number } }[];
  }[];
}

/**
 * Lints one file of the given lines per folder with the repository's own configuration.
 * Returns the lines where the linter refused an import, by folder.
 */
export function lintPlanted(linesByFolder: ReadonlyMap<string, readonly string[]>): Map<string, number[]> {
  const root = mkdtempSync(path.join(tmpdir(), 'retinue-lint-'));
  try {
    copyFileSync(path.join(ROOT, '.oxlintrc.json'), path.join(root, '.oxlintrc.json'));
    for (const [folder, lines] of linesByFolder) {
      mkdirSync(path.join(root, folder));
      writeFileSync(path.join(root, folder, 'planted.ts'), lines.join('\n'));
    }
    return refusedLines(runLinter(root));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function runLinter(root: string): LintReport {
  const executable = path.join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const run = spawnSync(process.execPath, [executable, '--format=json', '.'], { cwd: root, encoding: 'utf8' });
  if (run.stdout === '') throw new Error(`oxlint printed no report: ${run.stderr}`);
  return JSON.parse(run.stdout) as LintReport;
}

function refusedLines(report: LintReport): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { code, filename, labels } of report.diagnostics) {
    const line = labels[0]?.span.line;
    if (!code.includes('no-restricted-imports') || line === undefined) continue;
    const folder = filename.split('/')[0] ?? '';
    found.set(folder, [...(found.get(folder) ?? []), line]);
  }
  return found;
}
