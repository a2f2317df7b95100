// The drawer: a dialog at the side, in which one thing is done. What is in it comes from the server.
"use strict";
{
  const drawer = document.getElementById("drawer");
  const body = document.getElementById("drawer-body");
  const question = document.getElementById("discard");
  let opener = null;
  let asked = null; // What the opener asks for: by that it is found again where its part was replaced.
  let last = null;
  let isWritten = false; // Somebody typed here what is not sent.
  let field = null; // Where somebody was last.
  let wasPressedOutside = false;

  const open = () => {
    if (drawer.open || !body.childElementCount) return;
    opener = document.activeElement;
    asked = opener?.getAttribute("hx-get");
    drawer.showModal();
  };

  const close = () => drawer.close();

  // Whoever did not press a button of it is asked before typed words are lost. Asked again, they are kept.
  const isSending = () => body.querySelector("form.htmx-request:not([hx-post$='/check'])") !== null;
  const leave = () => {
    if (!question.hidden) keep();
    else if (!isWritten || isSending()) close();
    else {
      question.hidden = false;
      question.querySelector("[data-keep]").focus();
    }
  };

  const keep = () => {
    question.hidden = true;
    if (field?.isConnected) field.focus();
  };

  body.addEventListener("input", () => { isWritten = true; });
  body.addEventListener("focusin", (event) => { field = event.target; });

  // A browser lets a second Escape close a dialog whatever its "cancel" says: so the key itself is held back.
  drawer.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || (!isWritten && question.hidden)) return;
    event.preventDefault();
    leave();
  });
  drawer.addEventListener("cancel", (event) => {
    if (event.target !== drawer) return;
    event.preventDefault();
    leave();
  });

  drawer.addEventListener("close", () => {
    body.replaceChildren();
    isWritten = false;
    question.hidden = true;
    // The drawer's part of the address goes with it: a reload shows the page alone.
    const address = new URL(location.href);
    for (const name of ["do", "of", "key"]) address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
    const sameButton = () => [...document.querySelectorAll("main [hx-get]")]
      .find((each) => each.getAttribute("hx-get") === asked);
    const isThere = opener?.isConnected && opener !== document.body;
    if (isThere) opener.focus();
    else (sameButton() || document.getElementById("main")).focus({ preventScroll: true });
  });

  body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== body) return; // A part of it, such as an outcome that is waited for.
    // What goes on to the next step goes with its words; where no form is left, all is sent.
    isWritten &&= body.querySelector("form") !== null;
    question.hidden = true;
    open();
    // An outcome is told as a status; what is left to do is to close.
    const closing = body.querySelector("[role=status]") && body.querySelector(".ending [data-close]");
    const first = body.querySelector("[autofocus]") || closing || body.querySelector("h2");
    if (first) {
      if (first.tagName === "H2") first.tabIndex = -1;
      first.focus();
    }
  });

  // What is done with leaves a word, for a while.
  const told = document.getElementById("said");
  told.addEventListener("htmx:afterSwap", () => {
    close();
    setTimeout(() => told.replaceChildren(), 6000);
  });

  // Its shade. Its margin is no shade, and neither is where a selection of words ends that began inside.
  const isOutside = (event) => {
    const box = drawer.getBoundingClientRect();
    const [x, y] = [event.clientX, event.clientY];
    return event.target === drawer && (x < box.left || x > box.right || y < box.top || y > box.bottom);
  };
  drawer.addEventListener("pointerdown", (event) => { wasPressedOutside = isOutside(event); });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keep]")) keep();
    if (event.target.closest("[data-close]")) {
      close();
      if (!drawer.contains(event.target)) document.getElementById("notices").replaceChildren();
    }
    if (event.target.closest("[data-again]") && last) htmx.trigger(last, "submit");
    if (wasPressedOutside && isOutside(event)) leave();
  });

  // What was sent and not answered may have arrived: say so, and let it be sent again with its key.
  const unreachable = (event) => {
    const form = event.detail.elt;
    if (!body.contains(form) || form.tagName !== "FORM") return;
    last = form;
    form.hidden = true;
    body.querySelector("[data-unreachable]")?.remove();
    const said = document.createElement("div");
    said.dataset.unreachable = "";
    said.append(document.getElementById("unreachable").content.cloneNode(true));
    body.append(said);
    body.querySelector("[data-again]").focus();
  };
  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:timeout", unreachable);
}
