// Asks a passkey (data-passkey="get") or makes one ("create") before a form is sent, and puts the answer into its field
// `credential`. The form's data-options hold what to ask; when empty they are fetched from where it is sent to.
const forms = document.querySelectorAll("form[data-passkey]");

async function optionsOf(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  return answer.json();
}

async function ask(form) {
  const { publicKey } = await optionsOf(form);
  const made = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  return JSON.stringify(made.toJSON());
}

function tell(form, sentence) {
  const problem = form.querySelector("[data-problem]");
  problem.textContent = sentence;
  problem.hidden = false;
}

for (const form of forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return tell(form, form.dataset.unknown);
    try {
      form.elements.credential.value = await ask(form);
    } catch (error) {
      return tell(form, error.name === "SecurityError" ? form.dataset.unknown : form.dataset.failed);
    }
    form.submit();
  });
}
