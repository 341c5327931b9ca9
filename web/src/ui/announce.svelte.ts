// Short messages: shown for a while, and read out by screen readers through one live region that is always there.
export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}
class Toasts {
  list = $state<Toast[]>([]);
}
export const toasts = new Toasts();
let last = 0;

export function announce(text: string, { bad = false } = {}) {
  const id = ++last;
  toasts.list = [...toasts.list.slice(-3), { id, text, bad }];
  setTimeout(() => dismiss(id), bad ? 12_000 : 6_000);
}
export function dismiss(id: number) {
  toasts.list = toasts.list.filter((toast) => toast.id !== id);
}
