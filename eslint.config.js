import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import rooms from './scripts/eslint-rooms.js';

export default defineConfig(
  // What a user of the package writes is checked where it runs, in a user's folder: npm run check:examples.
  { ignores: ['build/', 'dist/', 'coverage/', 'test/fixtures/', 'examples/testing/*.ts'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { globals: { process: 'readonly', Buffer: 'readonly' } },
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { rooms },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'rooms/direction': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-globals': [
        'error',
        { name: 'isNaN', message: 'Use Number.isNaN.' },
        { name: 'isFinite', message: 'Use Number.isFinite.' },
      ],
      // The separators of message properties are control characters.
      'no-control-regex': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Property records come and go by computed names.
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // A listener may return nothing, and its type says so.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // It takes no notice of what changes during an await, nor of callers without types.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // Time comes from a clock that is handed in (lib/clock.ts), so that tests can turn it.
    files: ['lib/**/*.ts'],
    ignores: ['lib/clock.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'Use the Clock.' },
        { name: 'setInterval', message: 'Use the Clock.' },
        { name: 'performance', message: 'Use the Clock.' },
      ],
      'no-restricted-properties': ['error', { object: 'Date', property: 'now', message: 'Use the Clock.' }],
    },
  },
  {
    // Programs speak to people.
    files: ['examples/**/*.ts', 'scripts/**/*.ts', 'bench/**/*.ts', 'conformance/**/*.ts', 'mock-broker/bin.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['examples/testing/*.mjs'],
    languageOptions: {
      globals: { describe: 'readonly', it: 'readonly', beforeEach: 'readonly', afterEach: 'readonly' },
    },
  },
  {
    // A page, in the browser.
    files: ['mock-broker/console/**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...[
            'document',
            'window',
            'localStorage',
            'sessionStorage',
            'fetch',
            'setTimeout',
            'clearTimeout',
            'setInterval',
          ],
          ...['TextDecoder'],
        ].map((name) => [name, 'readonly']),
      ),
    },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      // Data gets in as text only.
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Use h() of dom.js.' },
        { property: 'outerHTML', message: 'Use h() of dom.js.' },
        { property: 'insertAdjacentHTML', message: 'Use h() of dom.js.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // `expect(x).to.be.true` is an expression, and a test hands over values a type would refuse.
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-loss-of-precision': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
);
