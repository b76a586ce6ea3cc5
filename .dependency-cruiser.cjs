/** Files that hold decisions as pure functions, by name; CONTRIBUTING.md says what pure means. */
const pure = [
  '^services/[a-z-]+/src/task/',
  '^services/device-registry/src/device/',
  '^services/[a-z-]+/src/[a-z/-]+/(decide|evolve|fold|evaluate|match|policy)[.]ts$',
  '^services/[a-z-]+/src/[a-z/-]+/decide-[a-z-]+[.]ts$',
  '^services/vpn-policy/src/(dialects|evaluation|lint|diff|legacy-lists|posture|policy|simulate)/',
  '^libs/device-query/src/',
  '^services/device-registry/src/search/index/',
];
const test = [
  '[.](unit|int|e2e)[.]spec[.]ts$',
  '[.](fixture|arbitrary)[.]ts$',
  '/conformance[.]ts$',
  '^[a-z]+/[a-z-]+/test/',
  '^agent/test/',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or miss a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere fails at run time only.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-package',
      comment: 'A package must be declared by the workspace that imports it; tests may also use those of the root.',
      severity: 'error',
      from: {
        pathNot: [
          ...test,
          '^libs/contracts/src/generate/check-asyncapi[.]ts$',
          '^bench/src/append/emmett-writer[.]ts$',
          '^bench/src/vpn/(rules-engine|opa)[.]ts$',
        ],
      },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
    {
      name: 'contracts-need-nothing-of-ours',
      comment: 'Everybody depends on the contracts, so they depend on nobody.',
      severity: 'error',
      from: { path: '^libs/contracts/' },
      to: { path: '^(libs|services|agent|deploy|bench)/', pathNot: '^libs/contracts/' },
    },
    {
      name: 'no-import-across-services',
      comment: 'Services talk through HTTP and topics, whose shapes are in the contracts.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'libs-do-not-need-services',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(services|agent|bench)/' },
    },
    {
      name: 'no-test-code-in-programs',
      comment: 'What only tests need may not be shipped.',
      severity: 'error',
      from: { pathNot: [...test, '^libs/testing/', '^bench/'] },
      to: { path: [...test, '^libs/testing/'] },
    },
    {
      name: 'pure-files-need-only-pure-files',
      comment:
        'Decisions are functions of what they are given: no framework, no database, no file, no clock, no random.',
      severity: 'error',
      from: { path: pure, pathNot: test },
      to: {
        path: ['^(libs|services|agent|deploy)/', '(^|/)node_modules/'],
        pathNot: [
          ...pure,
          '^libs/contracts/',
          '^services/[^/]+/src/endpoints/identifiers[.]ts$',
          // Its uuidv5 is a hash; v4 and v7 are random, which biome.json forbids in these files.
          '(^|/)node_modules/uuid/',
          // Memory of earlier answers, which never changes one; it reads the clock only for a time to live, which nobody sets.
          '(^|/)node_modules/lru-cache/',
        ],
      },
    },
    {
      name: 'pure-files-need-no-node-module',
      comment: 'node:net is let in for BlockList and isIP, which only compute.',
      severity: 'error',
      from: { path: pure, pathNot: test },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?net$' },
    },
    {
      name: 'contracts-do-no-io',
      comment:
        'node:crypto is let in for its hashes, node:net for BlockList and isIP, which only compute; the generator writes files.',
      severity: 'error',
      from: { path: '^libs/contracts/src/', pathNot: ['^libs/contracts/src/generate/', ...test] },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|net)$' },
    },
    {
      name: 'kafkajs-behind-its-port',
      comment: 'docs/adr/0002: another client may take its place.',
      severity: 'error',
      from: { pathNot: '^(libs/messaging|bench)/' },
      to: { path: '(^|/)node_modules/(kafkajs|@platformatic/kafka)/' },
    },
    {
      name: 'event-store-knows-no-domain',
      comment: 'It stores events of any kind.',
      severity: 'error',
      from: { path: '^libs/event-store/src/', pathNot: test },
      to: { path: '^(libs|services|agent|deploy|bench)/', pathNot: '^libs/(event-store|messaging)/' },
    },
    {
      name: 'messaging-knows-no-domain',
      severity: 'error',
      from: { path: '^libs/messaging/src/', pathNot: test },
      to: { path: '^(libs|services|agent|deploy|bench)/', pathNot: '^libs/messaging/' },
    },
    {
      name: 'agent-needs-only-the-contracts',
      comment: 'It runs on endpoints: small, and without our server code.',
      severity: 'error',
      from: { path: '^agent/src/', pathNot: test },
      to: { path: '^(libs|services|deploy|bench)/', pathNot: '^libs/contracts/' },
    },
    {
      name: 'no-nest-outside-services',
      comment: 'The gateway is a plain proxy; programs without decorators run without a transpiler.',
      severity: 'error',
      from: { path: '^(agent|deploy|bench|services/gateway|libs/(contracts|event-store|messaging|testing))/' },
      to: { path: '(^|/)node_modules/(@nestjs/|reflect-metadata|typeorm)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules/[.]|target/)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.mjs', '.cjs'],
    },
  },
};
