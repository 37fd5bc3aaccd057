// SPDX-License-Identifier: Apache-2.0

// Sets the remembered theme before anything is drawn. It is no module, which would run too late for that.
{
  let theme = null;
  try { theme = localStorage.getItem('theme'); } catch { /* storage may be forbidden */ }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
}
