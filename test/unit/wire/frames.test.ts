import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FRAME_HEADER_BYTES, FrameReader, WireError, writeFrameHead } from '../../../protocols/wire/index.ts';

interface Frame {
  readonly type: number;
  readonly key: number;
  readonly payload: string;
}

function reading(maxPayloadBytes = 1024): { reader: FrameReader; frames: Frame[] } {
  const frames: Frame[] = [];
  const reader = new FrameReader(
    (type, key, bytes, start, end) => frames.push({ type, key, payload: bytes.toString('hex', start, end) }),
    { maxPayloadBytes },
  );
  return { reader, frames };
}

function bytesOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.map(({ type, key, payload }) => {
      const body = Buffer.from(payload, 'hex');
      const frame = Buffer.alloc(FRAME_HEADER_BYTES + body.length);
      body.copy(frame, writeFrameHead(frame, 0, type, key, body.length));
      return frame;
    }),
  );
}

function codeOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    return error instanceof WireError ? error.code : String(error);
  }
  return 'nothing was thrown';
}

describe('frames', () => {
  test('a frame has the bytes that are written down', () => {
    expect(bytesOf([{ type: 2, key: 0x01020304, payload: 'cafe' }]).toString('hex')).toBe('000000070201020304cafe');
  });

  test('frames come out as they went in, wherever the bytes are split', () => {
    const frame = fc.record({
      type: fc.integer({ min: 0, max: 255 }),
      key: fc.integer({ min: 0, max: 0xffffffff }),
      payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 97 })), (sent, cuts) => {
        const { reader, frames } = reading();
        const bytes = bytesOf(sent);
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = cuts[turn % Math.max(cuts.length, 1)] ?? bytes.length;
          reader.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(frames).toEqual(sent);
        expect(reader.atBoundary).toBe(true);
      }),
    );
  });

  test('a length of 1 GiB is refused before its bytes come', () => {
    const { reader, frames } = reading();
    expect(codeOf(() => reader.push(Buffer.from('40000000', 'hex')))).toBe('WIRE_TOO_LARGE');
    expect(frames).toEqual([]);
  });

  test('a length of 1 GiB is refused when it comes byte by byte', () => {
    const { reader } = reading();
    reader.push(Buffer.from('4000', 'hex'));
    reader.push(Buffer.from('00', 'hex'));
    expect(codeOf(() => reader.push(Buffer.from('00', 'hex')))).toBe('WIRE_TOO_LARGE');
  });

  test('one byte over the limit is refused and the limit itself is not', () => {
    const { reader, frames } = reading(4);
    reader.push(bytesOf([{ type: 1, key: 1, payload: '00000000' }]));
    expect(frames.length).toBe(1);
    expect(codeOf(() => reader.push(bytesOf([{ type: 1, key: 1, payload: '0000000000' }])))).toBe('WIRE_TOO_LARGE');
  });

  test('a length too short for a head is malformed', () => {
    expect(codeOf(() => reading().reader.push(Buffer.from('00000004', 'hex')))).toBe('WIRE_MALFORMED');
    expect(codeOf(() => reading().reader.push(Buffer.alloc(4)))).toBe('WIRE_MALFORMED');
  });

  test('half a frame is known to be half', () => {
    const { reader, frames } = reading();
    reader.push(Buffer.from('0000000702', 'hex'));
    expect(reader.atBoundary).toBe(false);
    expect(frames).toEqual([]);
  });

  test('a frame that trickles in byte by byte is copied once, not once per byte', () => {
    const bytes = bytesOf([{ type: 1, key: 7, payload: '00'.repeat(1 << 20) }]);
    const { reader, frames } = reading(1 << 20);
    const from = performance.now();
    for (let at = 0; at < bytes.length; at += 16) reader.push(bytes.subarray(at, at + 16));
    expect(frames.length).toBe(1);
    // 65,536 pieces of a mebibyte: quadratic copying would move 32 GiB.
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
