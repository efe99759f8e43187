/** Sets the chosen theme before anything is painted; a file of its own, because the content policy allows no inline script. */
const theme = localStorage.getItem('theme');
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
