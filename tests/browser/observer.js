// A scripted observer: presses the space bar at the positions that it was told, and writes down what it did.
(() => {
  const observer = window.observer = { plan: {}, pressed: [], drawn: [], open: 0, mostOpen: 0 };
  const decode = window.createImageBitmap.bind(window), close = ImageBitmap.prototype.close;
  window.createImageBitmap = async (...given) => {
    const image = await decode(...given);
    observer.mostOpen = Math.max(observer.mostOpen, observer.open += 1);
    return image;
  };
  ImageBitmap.prototype.close = function () { observer.open -= 1; close.call(this); };
  const position = () => {
    const prefix = Object.keys(localStorage).find((key) => key.endsWith(":participant"))?.slice(0, -"participant".length);
    const begun = ["practice 0", "practice 1", "game 0"].map((part) => [part, JSON.parse(localStorage.getItem(`${prefix}begun ${part}`))]);
    return begun.filter(([, value]) => value !== null).pop();
  };
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    const [part, at] = position();
    observer.drawn.push([part, at]);
    const wait = observer.plan[`${part} ${at}`];
    if (wait !== undefined) setTimeout(() => {
      observer.pressed.push([part, at]);
      document.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true, cancelable: true }));
    }, wait);
    return draw.apply(this, given);
  };
})();
