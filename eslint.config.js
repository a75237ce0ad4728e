import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

// A restricted module is spoken to in one file; the message names it.
const only = (name, message) => ({ name, message })
const network = [
  only('axios', 'HTTP is spoken in json-request.ts, post-file.ts and fetch-to-file.ts of src-main/submitter; ask the API or GPU client.'),
  only('ws', 'The socket is spoken in src-main/submitter/hub-client.ts; HTTP is truth, the socket is a hint.'),
]
const database = only('libsql', 'The ledger is src-main/submitter/job-store.ts; ask the store.')
const settings = only('electron-store', 'Settings are read and written in src-main/settings-store.ts.')

const restrictImports = (paths, patterns = []) => ({
  '@typescript-eslint/no-restricted-imports': ['error', { paths, patterns }],
})

const habits = [
  { selector: 'ExportDefaultDeclaration', message: 'Use a named export: one word for one thing, everywhere.' },
  { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that holds it.' },
  { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' },
]

export default tseslint.config(
  { ignores: ['out/', 'dist/', '.cache/', 'node_modules/', 'test-results/', 'playwright-report/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'eqeqeq': ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': ['error', ...habits],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      // `_name` says "taken, not used" where a signature wants it.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // Ports are asynchronous; an implementation need not wait for anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },

  {
    files: ['src-main/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: restrictImports([...network, database, settings]),
  },
  { files: ['src-main/submitter/{json-request,post-file,fetch-to-file}.ts'], rules: restrictImports([database, settings]) },
  { files: ['src-main/submitter/hub-client.ts'], rules: restrictImports([database, settings]) },
  { files: ['src-main/submitter/job-store.ts'], rules: restrictImports([...network, settings]) },
  { files: ['src-main/settings-store.ts'], rules: restrictImports([...network, database]) },

  {
    files: ['src-renderer/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat['recommended-latest']],
    rules: {
      'no-console': 'error',
      // It speaks of React Compiler, which does not build this program.
      'react-hooks/incompatible-library': 'off',
      'no-restricted-globals': [
        'error',
        ...['fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource'].map((name) => only(name, 'The window speaks to window.desk, never to the network.')),
        ...['localStorage', 'sessionStorage', 'indexedDB'].map((name) => only(name, 'Settings and jobs live in the main process: window.desk.')),
      ],
      ...restrictImports([], [
        { regex: '^(electron|node:|axios$|ws$|libsql$)', message: 'The window is a sandboxed page: ask window.desk (src-shared/bridge-contract.ts).' },
      ]),
    },
  },
  {
    files: ['src-shared/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: restrictImports([], [{ regex: '^(?!zod$|\\.\\.?/)', message: 'src-shared imports zod and itself: it runs in every program.' }]),
  },

  // Tests read what a program answered as it is; a wrong shape fails the test.
  {
    files: ['**/*.test.{ts,tsx}', 'e2e/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },

  { files: ['*.config.{ts,js}', 'electron.vite.config.ts'], rules: { 'no-restricted-syntax': ['error', ...habits.slice(1)] } },

  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.recommended],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'Buffer', 'URL', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'module', 'require'].map((name) => [name, 'readonly']),
      ),
    },
    rules: { 'eqeqeq': 'error', 'no-undef': 'error' },
  },
)
