// The search box of every page: "/" goes there, the arrows choose, Enter opens, Escape closes.
"use strict";
{
  const box = document.getElementById("q");
  const hits = document.getElementById("hits");
  let chosen = -1;

  const options = () => [...hits.querySelectorAll("[role=option]")];

  const show = (open) => {
    hits.hidden = !open;
    box.setAttribute("aria-expanded", String(open && options().length > 0));
    if (!open) choose(-1);
  };

  const choose = (number) => {
    const all = options();
    chosen = all.length ? (number + all.length) % all.length : -1;
    if (number < 0 && number !== -2) chosen = -1;
    all.forEach((each, at) => each.setAttribute("aria-selected", String(at === chosen)));
    if (chosen < 0) box.removeAttribute("aria-activedescendant");
    else {
      box.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  };

  const isTyping = (element) =>
    element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  document.addEventListener("keydown", (event) => {
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    const menu = document.getElementById("menu");
    if (event.key === "Escape" && menu?.open && !document.querySelector("dialog[open]")) {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
    if (event.key === "/" && !isTyping(event.target) && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });

  if (box) {
    // A placeholder that is cut off says less than a short one.
    const narrow = matchMedia("(max-width: 640px)");
    const whole = box.placeholder;
    const fit = () => { box.placeholder = narrow.matches ? box.dataset.short : whole; };
    narrow.addEventListener("change", fit);
    fit();
    box.addEventListener("keydown", (event) => {
      const all = options();
      if (event.key === "Escape" && !hits.hidden) {
        event.preventDefault();
        show(false);
      } else if (event.key === "ArrowDown" && all.length) {
        event.preventDefault();
        show(true);
        choose(chosen + 1);
      } else if (event.key === "ArrowUp" && all.length) {
        event.preventDefault();
        show(true);
        choose(chosen <= 0 ? all.length - 1 : chosen - 1);
      } else if (event.key === "Enter" && !hits.hidden && all.length && hits.dataset.of === box.value) {
        event.preventDefault();
        (all[chosen] || all[0]).click();
      }
    });
    box.addEventListener("focus", () => hits.childElementCount && show(true));
    hits.addEventListener("htmx:afterSwap", () => {
      hits.dataset.of = box.value;
      show(hits.childElementCount > 0);
    });
    document.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(".search")) show(false);
      const menu = document.getElementById("menu");
      if (menu && !menu.contains(event.target)) menu.open = false;
    });
    box.form.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !box.form.contains(event.relatedTarget)) show(false);
    });
  }
}
