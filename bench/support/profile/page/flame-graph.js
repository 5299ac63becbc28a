const { labels, origins, root } = JSON.parse(document.querySelector('#data').textContent);
const graph = document.querySelector('#graph');
const detail = document.querySelector('#detail');
const search = document.querySelector('#search');
const rowPx = 18;
const leastPx = 2;

/** What is drawn: a frame and the frames that it was called from. */
let path = [root];

function draw() {
  const shown = path.at(-1);
  const width = graph.clientWidth;
  const found = search.value.trim().toLowerCase();
  const buttons = [];
  let rows = 0;
  const add = (frame, row, left, frameWidth, pathTo) => {
    if (frameWidth < leastPx) return;
    rows = Math.max(rows, row + 1);
    buttons.push(buttonOf(frame, row, left, frameWidth, pathTo, found));
    if (pathTo.length < path.length) return;
    let at = left;
    for (const child of frame[2]) {
      const childWidth = (child[1] / shown[1]) * width;
      add(child, row + 1, at, childWidth, [...pathTo, child]);
      at += childWidth;
    }
  };
  for (const [row, frame] of path.entries()) add(frame, row, 0, width, path.slice(0, row + 1));
  graph.replaceChildren(...buttons);
  graph.style.height = `${rows * rowPx}px`;
  document.querySelector('#share').textContent = found && `${percent(foundMs(root, found))} of all`;
}

function buttonOf(frame, row, left, width, pathTo, found) {
  const [label, origin] = labels[frame[0]];
  const button = document.createElement('button');
  button.type = 'button';
  button.className = origins[origin];
  button.classList.toggle('around', pathTo.length < path.length);
  button.classList.toggle('found', found !== '' && label.toLowerCase().includes(found));
  button.style.left = `${left}px`;
  button.style.top = `${row * rowPx}px`;
  button.style.width = `${Math.max(1, width - 1)}px`;
  button.textContent = label;
  button.title = `${label}\n${frame[1].toFixed(1)} ms, ${percent(frame[1])} of all`;
  button.onclick = () => {
    path = pathTo;
    draw();
  };
  button.onmouseenter = () => {
    detail.textContent = button.title.replace('\n', ': ');
  };
  return button;
}

/** Of the frames that are found, with what they call. */
function foundMs([label, ms, children], found) {
  if (labels[label][0].toLowerCase().includes(found)) return ms;
  return children.reduce((sum, child) => sum + foundMs(child, found), 0);
}

function percent(ms) {
  return `${((100 * ms) / root[1]).toFixed(1)} %`;
}

search.oninput = draw;
window.onresize = draw;
draw();
