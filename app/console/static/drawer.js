// The drawer: a dialog at the side, for one task. The server renders its content.
"use strict";
{
  const drawer = document.getElementById("drawer");
  const body = document.getElementById("drawer-body");
  const question = document.getElementById("discard");
  const toast = document.getElementById("toast");
  let opener = null;
  let openerRequest = null; // Finds the opener again if live updates replaced it.
  let failedForm = null;
  let isEdited = false;
  let lastField = null;
  let wasPressedOutside = false;

  const open = () => {
    if (drawer.open || !body.childElementCount) return;
    opener = document.activeElement;
    openerRequest = opener?.getAttribute("hx-get");
    drawer.showModal();
  };

  // A browser dispatches "close" in a later task, and typing goes first: by then the person may be in the
  // search box. So the focus returns here, at once.
  const close = () => {
    if (!drawer.open) return;
    drawer.close();
    clear();
    const replacement = () => [...document.querySelectorAll("main [hx-get]")]
      .find((each) => each.getAttribute("hx-get") === openerRequest);
    const isThere = opener?.isConnected && opener !== document.body;
    if (isThere) opener.focus();
    else (replacement() || document.getElementById("main")).focus({ preventScroll: true });
  };

  const clear = () => {
    body.replaceChildren();
    isEdited = false;
    question.hidden = true;
    // The address forgets the drawer: a reload shows the page alone.
    const address = new URL(location.href);
    for (const name of ["do", "of", "key"]) address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
  };

  // Escape and a click outside ask before edits are lost. Asked again, the edits are kept.
  const isSending = () => body.querySelector("form.htmx-request:not([hx-post$='/check'])") !== null;
  const leave = () => {
    if (!question.hidden) keep();
    else if (!isEdited || isSending()) close();
    else {
      question.hidden = false;
      question.querySelector("[data-keep]").focus();
    }
  };

  const keep = () => {
    question.hidden = true;
    if (lastField?.isConnected) lastField.focus();
  };

  body.addEventListener("input", () => { isEdited = true; });
  body.addEventListener("focusin", (event) => { lastField = event.target; });

  // The key itself, and not "cancel" alone: at a second Escape a browser closes a dialog without asking.
  drawer.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    leave();
  });
  drawer.addEventListener("cancel", (event) => {
    if (event.target !== drawer) return;
    event.preventDefault();
    leave();
  });
  // The browser may close it by itself, and has then returned the focus.
  drawer.addEventListener("close", () => { if (!drawer.open && body.childElementCount) clear(); });

  body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== body) return; // A part of it, such as an outcome that refreshes.
    isEdited &&= body.querySelector("form") !== null; // The next step carries the edits on.
    question.hidden = true;
    open();
    const closing = body.querySelector("[role=status]") && body.querySelector(".ending [data-close]");
    const first = body.querySelector("[autofocus]") || closing || body.querySelector("h2");
    if (first) {
      if (first.tagName === "H2") first.tabIndex = -1;
      first.focus();
    }
  });

  toast.addEventListener("htmx:afterSwap", () => {
    close();
    setTimeout(() => toast.replaceChildren(), 6000);
  });

  // A click on the shade leaves; one that ends a selection of text, and one on the margin, do not.
  const isOutside = (event) => {
    const box = drawer.getBoundingClientRect();
    const [x, y] = [event.clientX, event.clientY];
    return event.target === drawer && (x < box.left || x > box.right || y < box.top || y > box.bottom);
  };
  drawer.addEventListener("pointerdown", (event) => { wasPressedOutside = isOutside(event); });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keep]")) keep();
    if (event.target.closest("[data-close]")) {
      const isNotice = !drawer.contains(event.target);
      close();
      if (isNotice) document.getElementById("notices").replaceChildren();
    }
    if (event.target.closest("[data-again]") && failedForm) htmx.trigger(failedForm, "submit");
    if (wasPressedOutside && isOutside(event)) leave();
  });

  // A form without an answer may have arrived: say so, and let it be sent again with its key.
  const unreachable = (event) => {
    const form = event.detail.elt;
    if (!body.contains(form) || form.tagName !== "FORM") return;
    failedForm = form;
    form.hidden = true;
    body.querySelector("[data-unreachable]")?.remove();
    const message = document.createElement("div");
    message.dataset.unreachable = "";
    message.append(document.getElementById("unreachable").content.cloneNode(true));
    body.append(message);
    body.querySelector("[data-again]").focus();
  };
  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:timeout", unreachable);
}
