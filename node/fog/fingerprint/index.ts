export { measuredCelsius } from './heat.ts';
export { type Capacity, measuredCapacity } from './capacity.ts';
export { measuredPower, type Power } from './power.ts';
export { measuredPressure, type Pressure } from './pressure.ts';
