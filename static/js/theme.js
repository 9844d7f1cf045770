// Blocking and first in <head>, so that the chosen theme is there before the first paint.
document.documentElement.dataset.js = "";
try {
  const theme = localStorage.getItem("hub-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's theme then stays.
}
