// A Node web server that OpenDaemon's scripts/run shows: says who answers.
"use strict";

const http = require("node:http");

const server = http.createServer((request, response) => {
	console.log(`${request.method} ${request.url}`);
	response.end(`hello from ${process.env.OD_APP}, pid ${process.pid}\n`);
});

server.listen(Number(process.env.PORT || 8081), "127.0.0.1", () =>
	console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
