export { announcementOf, readAnnouncement, type Told } from './announcement.ts';
export { type FogWriter, fogWriter, isSendable } from './client.ts';
export { type FogDesk, readFog } from './handler.ts';
export { AD_TYPE, type Envelope, FOG, type LogsAnswer, type LogsAsked, MAP_TYPE, type Said } from './schema.ts';
export { type Between, openAd, openMap, sealed, type Sign } from './sealed.ts';
