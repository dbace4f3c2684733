// Shows for a few seconds what the site has just told whoever looks at the page. The bell hears of it.
document.addEventListener("causerie-notification", ({ detail: { notification } }) => {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = notification.title; // as text, never as HTML
  document.body.append(toast);
  setTimeout(() => toast.remove(), 6000);
});
