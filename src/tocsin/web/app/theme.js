// Before anything is drawn, so that no light page flashes in a dark room. The rest of the preferences follows with the modules.
try {
  const { theme } = JSON.parse(localStorage.getItem("tocsin.preferences") || "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage, no preference.
}
