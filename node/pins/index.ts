export { type ChangedTool, ToolPins } from './tool-pins.ts';
