import { counter, type Family, gauge } from '../openmetrics.ts';
import type { ExporterFigures } from './exporter.ts';

export function exporterFamilies(figures: () => ExporterFigures): Family[] {
  return [
    counter({ name: 'village_spans_exported', help: 'Spans that the collector has taken.' }, () => figures().exported),
    counter(
      {
        name: 'village_spans_dropped',
        help: 'Spans that no collector has: no room to wait (full), not taken (refused), not reached (unreached).',
      },
      () => {
        const { full, refused, unreached } = figures().dropped;
        return [
          [{ reason: 'full' }, full],
          [{ reason: 'refused' }, refused],
          [{ reason: 'unreached' }, unreached],
        ];
      },
    ),
    gauge({ name: 'village_spans_queued', help: 'Spans that wait to be sent.' }, () => figures().queued),
  ];
}
