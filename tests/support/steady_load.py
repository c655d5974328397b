"""Calls a service over and over, and writes down each call that is not answered in full.

`python steady_load.py ADDRESS:PORT HOST SECONDS`: prints JSON with `answered` and `failures`. Half
of the clients keep their connection, half take a new one for each call.
"""

import collections
import http.client
import json
import sys
import threading
import time

CLIENTS = 4
LIMIT_S = 20.0
PAUSE_S = 0.005


class Load:
    """Clients, and what became of their calls."""

    def __init__(self, address, host, seconds):
        self.address, self.host = address, host
        self.end = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.answered = 0
        self.failures = collections.Counter()

    def run(self):
        threads = [threading.Thread(target=self.client, args=(n % 2,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"answered": self.answered, "failures": self.failures}

    def client(self, keeps):
        connection = http.client.HTTPConnection(self.address, timeout=LIMIT_S)
        while time.monotonic() < self.end:
            failure = self.call(connection)
            with self.lock:
                if failure is None:
                    self.answered += 1
                else:
                    self.failures[failure] += 1
            if not keeps or failure:
                connection.close()
            time.sleep(PAUSE_S)
        connection.close()

    def call(self, connection):
        try:
            connection.request("GET", "/", headers={"host": self.host})
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        return None if answer.status == 200 else f"{answer.status} {body}"


if __name__ == "__main__":
    print(json.dumps(Load(sys.argv[1], sys.argv[2], float(sys.argv[3])).run()))
