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
    },
  },
)
