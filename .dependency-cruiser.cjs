// The rooms' import directions (ARCHITECTURE.md). Types count: a type is knowledge of another room as well.
const rooms = ['src-main', 'src-renderer', 'src-backend']
const tests = '\\.test\\.tsx?$'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...rooms.map((room) => ({
      name: `${room}-knows-no-other-room`,
      comment: `What ${room} and another room both need is said in src-shared.`,
      severity: 'error',
      from: { path: `^${room}/` },
      to: { path: `^(${rooms.filter((other) => other !== room).join('|')})/` },
    })),
    {
      name: 'shared-is-self-contained',
      comment: 'src-shared imports zod and itself, since it runs in every program.',
      severity: 'error',
      from: { path: '^src-shared/', pathNot: tests },
      to: { pathNot: '^(src-shared/|node_modules/zod/)' },
    },
    {
      name: 'shared-tests-stay-small',
      comment: 'Tests of src-shared may use the test runner and Node besides.',
      severity: 'error',
      from: { path: `^src-shared/.*${tests}` },
      to: { pathNot: '^(src-shared/|node_modules/(zod|vitest)/)', dependencyTypesNot: ['core'] },
    },
    {
      name: 'submitter-runs-without-electron',
      comment: 'The CLI and the tests use the submitter as it is, in plain Node.',
      severity: 'error',
      from: { path: '^src-main/submitter/' },
      to: { path: ['^src-main/(?!submitter/)', '(^|/)node_modules/electron', '^electron(-store)?$'] },
    },
    {
      name: 'cli-runs-without-electron',
      comment: 'Nothing the CLI reaches, however far, may need a window.',
      severity: 'error',
      from: { path: '^src-main/cli\\.ts$' },
      to: { path: ['(^|/)node_modules/electron(-store)?/', '^electron(-store)?$'], reachable: true },
    },
    {
      name: 'backend-runs-without-electron',
      comment: 'The backend is a program of its own, on servers too.',
      severity: 'error',
      from: { path: '^src-backend/' },
      to: { path: ['(^|/)node_modules/electron', '^electron(-store)?$'] },
    },
    {
      name: 'renderer-is-a-web-page',
      comment: 'The window is sandboxed: what it needs from the system it asks for over window.desk.',
      severity: 'error',
      from: { path: '^src-renderer/', pathNot: tests },
      to: { path: ['(^|/)node_modules/electron', '^electron(-store)?$'] },
    },
    {
      name: 'renderer-uses-no-node-module',
      comment: 'The window is sandboxed: what it needs from the system it asks for over window.desk.',
      severity: 'error',
      from: { path: '^src-renderer/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-cycles',
      comment: 'Arrows go one way, from the entry down.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'imports-resolve',
      comment: 'An import that leads nowhere would slip through every rule above.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^electron$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
