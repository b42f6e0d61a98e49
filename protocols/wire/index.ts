export { FRAME_HEADER_BYTES, FrameReader, type OnFrame, writeFrameHead } from './frames.ts';
export { type Deadline, type JsonStream, jsonStream } from './json-stream.ts';
export { type AdmissionReason, type HelloReason, REASONS } from './reasons.ts';
export { WireError } from './wire-error.ts';
