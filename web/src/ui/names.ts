import type * as icons from './icons';
export type IconName = keyof typeof icons;
