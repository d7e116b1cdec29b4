/**
 * Reading aloud and writing by voice, with what the browser itself can. Only what works on the visitor's own device is
 * offered: a browser that would send text or speech to its maker's servers counts as one that cannot.
 */
const LANGUAGE = "da-DK";

/** The browser's own Danish voice; null where it has none. */
function danishVoice() {
  const voices = globalThis.speechSynthesis?.getVoices() ?? [];
  return voices.find((voice) => voice.localService && voice.lang.toLowerCase().startsWith("da")) ?? null;
}

/** Call back now, and again when the browser has found its voices, with whether there is a Danish one. */
export function whenVoicesAreKnown(tell) {
  tell(Boolean(danishVoice()));
  globalThis.speechSynthesis?.addEventListener?.("voiceschanged", () => tell(Boolean(danishVoice())));
}

/** Read a text aloud, or stop when it is being read. */
export function read(text, ended) {
  const wasReading = speechSynthesis.speaking;
  speechSynthesis.cancel();
  if (wasReading) return;
  const spoken = new SpeechSynthesisUtterance(text);
  spoken.voice = danishVoice();
  spoken.lang = LANGUAGE;
  spoken.addEventListener("end", ended);
  spoken.addEventListener("error", ended);
  speechSynthesis.speak(spoken);
}

export function silence() {
  globalThis.speechSynthesis?.cancel();
}

/** Whether speech is turned into text on this device. */
export async function hears() {
  const Recognition = globalThis.SpeechRecognition;
  try {
    return (await Recognition?.available?.({ langs: [LANGUAGE], processLocally: true })) === "available";
  } catch {
    return false;
  }
}

/** Listen until the visitor is silent; `heard` gets the words. Gives a function that stops. */
export function listen(heard, ended) {
  const recognition = new globalThis.SpeechRecognition();
  recognition.lang = LANGUAGE;
  recognition.processLocally = true;
  recognition.addEventListener("result", (event) => heard(event.results[event.results.length - 1][0].transcript));
  recognition.addEventListener("end", ended);
  recognition.start();
  return () => recognition.stop();
}
