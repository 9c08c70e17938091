import type { Reporter, TestModule } from 'vitest/node';

/** Says at the end of the drills, in one place, how each went and what figures it printed. */
export class Summary implements Reporter {
  readonly #said = new Map<string, string[]>();

  onUserConsoleLog(log: { taskId?: string; content: string }): void {
    if (!log.taskId) return;
    const lines = this.#said.get(log.taskId) ?? [];
    this.#said.set(log.taskId, [...lines, ...log.content.trimEnd().split('\n')]);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const out: string[] = ['', 'Summary'];
    for (const module of modules) {
      out.push('', module.relativeModuleId);
      // A hook that failed has no test of its own.
      for (const error of module.errors()) out.push(`  failed  ${error.message}`);
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        out.push(`  ${state.padEnd(7)} ${test.name} (${((test.diagnostic()?.duration ?? 0) / 1000).toFixed(1)} s)`);
        // The figures; what a failed drill printed to explain itself goes on over indented lines.
        const said = this.#said.get(test.id) ?? [];
        for (const line of said) if (/^\w.*[^{]$/.test(line)) out.push(`            ${line}`);
        for (const error of errors ?? []) out.push(`          > ${error.message.split('\n')[0]}`);
      }
    }
    console.log(out.join('\n'));
  }
}
