/** How a node holds a shard to its resources, strongest first; a node advertises what it tried and found working. */
export const ENFORCEMENTS = ['cgroup', 'watchdog', 'none'] as const;
export type Enforcement = (typeof ENFORCEMENTS)[number];

/** A watchdog sees an overrun after it happened: that much of a limit is booked besides. Thousandths. */
export const WATCHDOG_MARGIN = 250;
