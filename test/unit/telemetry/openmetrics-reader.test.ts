import { expect, test } from 'vitest';
import { readOpenMetrics } from '../../support/openmetrics.ts';

const HEAD = '# TYPE a counter\n# HELP a x\n';

test('a right exposition is read', () => {
  const text = `${HEAD}a_total{b="c\\"\\\\\\n"} 1\n# TYPE s_seconds gauge\n# UNIT s_seconds seconds\ns_seconds 1e-7\n# EOF\n`;
  expect(readOpenMetrics(text)).toEqual([
    {
      name: 'a',
      type: 'counter',
      unit: undefined,
      help: 'x',
      samples: [{ name: 'a_total', labels: { b: 'c"\\\n' }, value: 1 }],
    },
    {
      name: 's_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: '',
      samples: [{ name: 's_seconds', labels: {}, value: 1e-7 }],
    },
  ]);
});

test.each([
  ['no end', `${HEAD}a_total 1\n`],
  ['an empty line', `${HEAD}\na_total 1\n# EOF\n`],
  ['a counter without its suffix', `${HEAD}a 1\n# EOF\n`],
  ['a counter below 0', `${HEAD}a_total -1\n# EOF\n`],
  ['a sample of another family', `${HEAD}b_total 1\n# EOF\n`],
  ['a sample twice', `${HEAD}a_total{b="1",c="2"} 1\na_total{c="2",b="1"} 2\n# EOF\n`],
  ['a family in two pieces', `${HEAD}# TYPE b gauge\n# TYPE a counter\n# EOF\n`],
  ['a late HELP', `# TYPE a counter\na_total 1\n# HELP a x\n# EOF\n`],
  ['a unit that is not in the name', `# TYPE a counter\n# UNIT a seconds\n# EOF\n`],
  ['an unknown escape', `${HEAD}a_total{b="\\t"} 1\n# EOF\n`],
  ['a raw quote', `${HEAD}a_total{b="c"d"} 1\n# EOF\n`],
  ['no number', `${HEAD}a_total many\n# EOF\n`],
  [
    'buckets that do not rise',
    '# TYPE h histogram\nh_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\n# EOF\n',
  ],
  ['buckets without an end', '# TYPE h histogram\nh_bucket{le="2"} 1\nh_count 1\nh_sum 1\n# EOF\n'],
  ['a count that is another', '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count 2\nh_sum 1\n# EOF\n'],
])('one with %s is refused', (_what, text) => {
  expect(() => readOpenMetrics(text)).toThrow(/OpenMetrics|labels/);
});
