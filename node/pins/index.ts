export { type ChangedPart, DefinitionPins, nameOfPart } from './definition-pins.ts';
