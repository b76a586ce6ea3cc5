import { routes } from '../routes.ts';
import { documents } from './documents.ts';
import { openApiDocument } from './openapi.ts';
import { differences } from './published.ts';

test('the documents in docs/api are those that the schemas give: else run "npm run generate"', () => {
  expect(differences(documents())).toEqual([]);
});

test('a document that is missing, changed or left over is noticed', () => {
  const [[path, text] = ['', ''], ...others] = [...documents()];
  expect(differences(new Map([[path, `${text} `], ['new.json', ''], ...others]))).toEqual([
    `${path} is out of date`,
    'new.json is missing',
  ]);
  expect(differences(new Map(others))).toEqual([`${path} is no longer generated`]);
});

test('every call is in the OpenAPI document with its security and a problem answer', () => {
  const document = openApiDocument(routes, '1.0.0') as {
    paths: Record<string, Record<string, { security: object[]; responses: Record<string, object> }>>;
  };
  for (const { path, method, access } of routes) {
    const operation = document.paths[path]?.[method.toLowerCase()];
    expect([path, operation?.security.length === 0]).toEqual([path, access === 'open']);
    expect(Object.keys(operation?.responses ?? {})).toContain('500');
    if (access !== 'open') expect(Object.keys(operation?.responses ?? {})).toContain('401');
  }
});

test('every reference in a document leads somewhere', () => {
  for (const [path, text] of documents()) {
    const document = JSON.parse(text) as unknown;
    const references = [...text.matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, pointer = '']) => pointer);
    for (const pointer of references) {
      const target = pointer
        .split('/')
        .reduce<unknown>((place, name) => (place as Record<string, unknown> | undefined)?.[name], document);
      expect([path, pointer, typeof target]).toEqual([path, pointer, 'object']);
    }
  }
});
