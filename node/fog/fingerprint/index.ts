export { type Capacity, measuredCapacity } from './capacity.ts';
export { type Condition, measuredCondition } from './condition.ts';
