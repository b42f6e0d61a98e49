export { KeptToken } from './kept-token.ts';
export { pause } from './pause.ts';
