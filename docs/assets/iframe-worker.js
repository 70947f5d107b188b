/* Search also where pages are opened as files: there a browser refuses workers, so the script runs in a hidden frame.
   Material's search looks for the name IFrameWorker. */
(() => {
  if (location.protocol !== "file:") return
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const inside = frame.contentWindow
      this.frame = frame
      this.ready = new Promise((done) => {
        inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
        inside.importScripts = (...urls) => urls.reduce((before, next) => before.then(() => this.load(next)), Promise.resolve())
        this.load(url).then(done)
      })
    }
    load(url) {
      const script = this.frame.contentDocument.createElement("script")
      return new Promise((done) => {
        script.onload = done
        script.src = url
        this.frame.contentDocument.head.append(script)
      })
    }
    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }
    terminate() {
      this.frame.remove()
    }
  }
  window.Worker = window.IFrameWorker
})()
