import hooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist', 'src/gen', 'node_modules', 'shots'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      // Virtual lists give functions that the compiler of React cannot memoise; nothing here relies on it.
      'react-hooks/incompatible-library': 'off',
      'no-restricted-globals': ['error', ...['fetch', 'XMLHttpRequest', 'EventSource', 'WebSocket'].map((name) => ({ name, message: 'calls go by the client that is generated from the contracts' }))],
    },
  },
  {
    // What is no method of a contract: the session, what the installation says of itself, a run's events.
    files: ['src/api/session.ts', 'src/api/config.ts', 'src/entra/runs/progress.ts'],
    rules: { 'no-restricted-globals': 'off' },
  },
)
