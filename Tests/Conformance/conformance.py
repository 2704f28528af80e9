#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays the hostile requests and answers through Loginward, nginx and HAProxy and prints what each let through, side by side.

    conformance.py --loginward BINARY [--json FILE]
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import hostile_requests
import hostile_responses
import judge


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")


def loginward(binary, folder, port, origin):
    file = folder / "loginward.yaml"
    file.write_text(f"""version: 1
workers: 1
state_directory: {folder}/state
listeners: [{{ address: "127.0.0.1:{port}" }}]
services: [{{ name: origin, upstream: {{ servers: ["http://127.0.0.1:{origin}"] }} }}]
""")
    return [binary, "run", "--config", str(file)]


def nginx(folder, port, origin):
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = folder / "nginx.conf"
    file.write_text(f"""daemon off; master_process off; pid {folder}/pid; error_log stderr error;
events {{ }}
http {{ access_log off; {temporary}
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 8; }}
    server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }} }} }}
""")
    return [find("nginx"), "-p", str(folder), "-c", str(file), "-e", "stderr"]


def haproxy(folder, port, origin):
    file = folder / "haproxy.cfg"
    file.write_text(f"""defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend in
    bind 127.0.0.1:{port}
    default_backend origin
backend origin
    server one 127.0.0.1:{origin}
""")
    return [find("haproxy"), "-db", "-f", str(file)]


def run(name, command, port, origin, folder):
    with open(folder / f"{name}.log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                if judge.canary(port):
                    break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit(f"{name} did not start:\n" + (folder / f"{name}.log").read_text(errors="replace")[-2000:])
        return judge.play(port, origin, hostile_requests.CASES, hostile_responses.CASES, wait=0.6)
    finally:
        process.terminate()
        process.wait(20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loginward", required=True)
    parser.add_argument("--json", help="where the results go")
    arguments = parser.parse_args()
    origin, results = judge.Origin(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for proxy, command in (("loginward", lambda p: loginward(os.path.abspath(arguments.loginward), folder, p, origin.port)),
                               ("nginx", lambda p: nginx(folder, p, origin.port)), ("haproxy", lambda p: haproxy(folder, p, origin.port))):
            if proxy != "loginward" and not find(proxy):
                print(f"{proxy} is not installed: left out")
                continue
            port = free_port()
            results[proxy] = run(proxy, command(port), port, origin, folder)
    cases = hostile_requests.CASES + hostile_responses.CASES
    width = max(len(case.name) for case in cases)
    print(f"{'':{width}}  {'rule':<12}" + "".join(f"{proxy:>11}" for proxy in results))
    for index, case in enumerate(cases):
        marks = ["ok" if rows[index][1] is None else "FAILED" for rows in results.values()]
        if "FAILED" in marks:
            print(f"{case.name:{width}}  {case.where:<12}" + "".join(f"{mark:>11}" for mark in marks))
    passed = {proxy: sum(why is None for _, why in rows) for proxy, rows in results.items()}
    print(f"{'of ' + str(len(cases)) + ' passed':{width}}  {'':<12}" + "".join(f"{count:>11}" for count in passed.values()))
    for case, why in results["loginward"]:
        if why:
            print(f"loginward, {case.name}: {why}", file=sys.stderr)
    if arguments.json:
        rows = {proxy: {case.name: why for case, why in rows} for proxy, rows in results.items()}
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))
    sys.exit(0 if passed["loginward"] == len(cases) else 1)


if __name__ == "__main__":
    main()
