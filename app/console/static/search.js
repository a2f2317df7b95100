// The search box of every page: "/" focuses it, the arrows choose, Enter opens, Escape closes.
"use strict";
{
  const box = document.getElementById("q");
  const hits = document.getElementById("hits");
  const menu = document.getElementById("menu");
  let chosen = -1;

  const options = () => [...hits.querySelectorAll("[role=option]")];

  const show = (open) => {
    hits.hidden = !open;
    box.setAttribute("aria-expanded", String(open && options().length > 0));
    if (!open) choose(-1);
  };

  const choose = (number) => {
    const all = options();
    chosen = number < 0 || !all.length ? -1 : number % all.length;
    all.forEach((each, at) => each.setAttribute("aria-selected", String(at === chosen)));
    if (chosen < 0) box.removeAttribute("aria-activedescendant");
    else {
      box.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  };

  const isTyping = (element) =>
    element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  if (box) {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.key === "Escape" && menu.open) {
        if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
        menu.open = false;
      }
      if (event.key === "/" && !isTyping(event.target)) {
        event.preventDefault();
        box.focus();
        box.select();
      }
    });

    // A short placeholder says more than one that is cut off.
    const narrow = matchMedia("(max-width: 640px)");
    const long = box.placeholder;
    const fit = () => { box.placeholder = narrow.matches ? box.dataset.short : long; };
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
      if (!menu.contains(event.target)) menu.open = false;
    });
    box.form.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !box.form.contains(event.relatedTarget)) show(false);
    });
  }
}
