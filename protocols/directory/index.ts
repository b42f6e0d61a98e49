export { askDefine, askDescribe } from './client.ts';
export { answerDirectory, type DirectoryDesk } from './handler.ts';
export {
  DESCRIPTOR_TYPE,
  DIRECTORY,
  type Hint,
  HINT_TYPE,
  MAX_AWAY,
  MAX_DESCRIPTOR_BYTES,
  MAX_SERVERS,
  MAX_TOOLS,
  REPLY_ROOM_BYTES,
} from './schema.ts';
export { openDescriptor, openHint } from './statements.ts';
