// Shows the buttons that copy what stands in another element; without a script they stay hidden.

for (const button of document.querySelectorAll('button[data-copy]')) {
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = words;
    }, 2000);
  });
}
