#!/usr/bin/env python3
"""Trains with one process, with two and with four over MPI, and compares; then kills a rank and goes on
with another number of them.

  ranks.py MPIRUN RAMP
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

mpirun, ramp = sys.argv[1:]
options = '--data spiral --layers 16,8 --batch 50 --epochs 4 --optimizer adam --quiet'.split()
environment = {k: v for k, v in os.environ.items() if not k.startswith(('OMPI_', 'PMI'))}


def started(ranks, *arguments):
    before = [mpirun, '--oversubscribe', '--allow-run-as-root', '--bind-to', 'none', '-n', str(ranks)]
    return (before if ranks > 1 else []) + [ramp, *map(str, arguments)]


def run(ranks, *arguments):
    done = subprocess.run(started(ranks, *arguments), env=environment, capture_output=True, text=True,
                          timeout=120)
    return done.returncode, done.stdout + done.stderr


def well(ranks, *arguments):
    status, text = run(ranks, *arguments)
    assert status == 0, text
    return text


def metrics(folder):
    return [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]


def compare(folder, other, most=1e-3):
    a, b = metrics(folder), metrics(other)
    assert len(a) == len(b), (len(a), len(b))
    for x, y in zip(a, b):
        for name in 'loss', 'test_loss':
            assert abs(x[name] - y[name]) <= most * y[name], (folder.name, x, y)


def process_of(rank, folder):
    for entry in Path('/proc').glob('[0-9]*'):
        try:
            arguments = (entry / 'cmdline').read_bytes().split(b'\0')
            if arguments[0] == ramp.encode() and str(folder).encode() in arguments:
                if b'OMPI_COMM_WORLD_RANK=%d' % rank in (entry / 'environ').read_bytes().split(b'\0'):
                    return int(entry.name)
        except OSError:
            pass  # it has ended meanwhile
    raise AssertionError(f'no process is rank {rank}')


with tempfile.TemporaryDirectory() as scratch:
    scratch = Path(scratch)
    well(1, 'train', *options, '--out', scratch / '1')
    for ranks in 2, 4:
        well(ranks, 'train', *options, '--out', scratch / str(ranks))
        compare(scratch / str(ranks), scratch / '1')

    status, text = run(3, 'train', *options[:8], '--quiet', '--lr', '1e30', '--activation', 'identity')
    assert status != 0 and text.count('ramp: rank') == 1 and 'the loss is' in text, text

    killed = scratch / 'killed'
    long = [*options[:6], '--epochs', '2000', *options[8:]]
    with open(scratch / 'said', 'w+') as said:
        job = subprocess.Popen(started(3, 'train', *long, '--out', killed), env=environment, stdout=said,
                               stderr=said)
        while not list(killed.glob('checkpoints/checkpoint-*')):
            assert job.poll() is None, (scratch / 'said').read_text()
            time.sleep(0.01)
        os.kill(process_of(1, killed), signal.SIGKILL)
        assert job.wait(60) != 0
    assert 'rank 1' in (scratch / 'said').read_text()
    assert not (killed / 'model.safetensors').exists()
    well(2, 'train', '--resume', killed, '--quiet')
    assert len(metrics(killed)) == 2000 and (killed / 'model.safetensors').exists()
print('ranks: all alike')
