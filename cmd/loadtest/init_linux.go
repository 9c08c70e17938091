package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// linkInit shows the namespace's own processes at /proc, runs the command, passes signals on, and ends with it.
func linkInit(args []string) error {
	if os.Getpid() != 1 || len(args) == 0 {
		return errors.New("link-init is for loadtest link only")
	}
	// Private first, or the machine's /proc would change, too.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			_ = command.Process.Signal(s)
		}
	}()
	return reap(command.Process.Pid)
}

// reap buries all children, its own and the orphans that process 1 inherits, until the command has ended.
func reap(pid int) error {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case ended != pid:
		case status.Signaled():
			return fmt.Errorf("the command was ended by %v", status.Signal())
		case status.ExitStatus() != 0:
			return fmt.Errorf("the command ended with status %d", status.ExitStatus())
		default:
			return nil
		}
	}
}
