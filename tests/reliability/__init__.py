"""The guarantee of docs on reliability, proved: simulation, state machine, real crashes, sabotage."""
